-- Which files could not be used as they are, and why?
SELECT uri, camera, recorded_at, state, problem, missing_since
FROM footage_problems
ORDER BY state, uri;
