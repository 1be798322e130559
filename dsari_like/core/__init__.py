"""The pure core: takes inputs and a `now`, returns effects. No clock, file, process, database or log is known here."""
