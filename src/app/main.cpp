#include "app/command_line.hpp"
#include "base/out_of_memory.hpp"

int main(int argc, char** argv) {
  sluice::end_process_when_memory_ends();
  return sluice::app::run_command_line(argc, argv);
}
