"""The screens of sales: leads by score, answers in one key, the team's figures, rules of routing, the score matrix."""
