// The server's allocator is jemalloc: docs/adr/0012-allocator.md.

// Read by jemalloc when the process starts, by this name; MALLOC_CONF goes over it. The background
// thread gives memory back while the server has nothing to do, so that a burst is not kept for
// ever.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true";
}
