// Headers alone; a C target wants a source.
