#pragma once

namespace sluice::app {

// As many descriptors as the system lets this user have. Where that is refused the old limit
// stands.
void raise_descriptor_limit();

// No core dump of this process, neither into a file nor to a program (core_pattern `|...`): keys,
// passwords of connections and payloads would stand in it. Where the hard limit is 0, none into a
// file.
void forbid_core_dumps();

}  // namespace sluice::app
