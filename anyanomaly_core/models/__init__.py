"""The image-text encoder that ranks and the vision-language model that judges, behind two small protocols."""
