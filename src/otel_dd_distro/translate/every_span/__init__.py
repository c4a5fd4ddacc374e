"""What applies to every span, whoever made it: tags, texts and their limits, errors, events, links, the process."""
