"""What touches the operating system: clocks, signals, processes, locks."""
