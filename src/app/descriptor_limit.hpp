#pragma once

namespace sluice::app {

// As many descriptors as the system lets this user have. Where that is refused the old limit
// stands.
void raise_descriptor_limit();

}  // namespace sluice::app
