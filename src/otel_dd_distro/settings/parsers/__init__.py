"""How the text of a value becomes what it means: each parser takes text without blanks around it, or raises Unusable.

The text is never empty, but where the variable's row says that an empty value is a value.
"""
