// Not GoogleTest's own: a Processor starts the program that it is part of, here too.
#include <gtest/gtest.h>

#include "connect/processing/child.hpp"

int main(int argc, char** argv) {
  if (const auto served = sluice::connect::processing::serve_as_child(argc, argv)) return *served;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
