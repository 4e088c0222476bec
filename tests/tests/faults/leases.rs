//! Who publishes, when replicas die, leave and stall, and when their clocks are wrong.
