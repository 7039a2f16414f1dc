"""From a file in the archive to rows in the database: what one unit of work does, restartable at every point."""
