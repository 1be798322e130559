"""Any bytes are decided: a value or a refusal in a sentence, soon, and nothing else."""
