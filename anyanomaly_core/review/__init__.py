"""Review: what a person looks at, decides on and hands over: clips, stills, evidence, reports, pages."""
