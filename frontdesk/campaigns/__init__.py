"""Many calls from one file: checked row by row, dialed as capacity allows, told in numbers."""
