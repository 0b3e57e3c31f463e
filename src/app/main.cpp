#include "app/command_line.hpp"
#include "base/out_of_memory.hpp"
#include "connect/processing/child.hpp"

int main(int argc, char** argv) {
  // The child handles the end of the little memory that it has.
  if (const auto served = sluice::connect::processing::serve_as_child(argc, argv)) return *served;
  sluice::end_process_when_memory_ends();
  return sluice::app::run_command_line(argc, argv);
}
