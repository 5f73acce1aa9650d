"""Running the application: sockets, connections, worker processes, logs."""
