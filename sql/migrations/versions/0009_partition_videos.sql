-- Nobody has rights on single partitions: maintenance asks through the owner which videos one holds.

ALTER FUNCTION videos_in_partition(text) SECURITY DEFINER;
REVOKE ALL ON FUNCTION videos_in_partition(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION videos_in_partition(text) TO anyanomaly_writer;
