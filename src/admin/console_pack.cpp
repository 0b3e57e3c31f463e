#include "admin/console.hpp"

// The pack is taken in by the assembler: a generated array of a megabyte takes a compiler seconds.
#ifdef SLUICE_CONSOLE_PACK
__asm__(
    ".section .rodata\n"
    ".global sluice_console_pack_begin\n"
    ".global sluice_console_pack_end\n"
    "sluice_console_pack_begin:\n"
    ".incbin \"" SLUICE_CONSOLE_PACK
    "\"\n"
    "sluice_console_pack_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char sluice_console_pack_begin[];
extern "C" const char sluice_console_pack_end[];
#endif

namespace sluice::admin {

std::string_view console_pack() {
#ifdef SLUICE_CONSOLE_PACK
  return {sluice_console_pack_begin, sluice_console_pack_end};
#else
  return {};
#endif
}

}  // namespace sluice::admin
