"""Notices: telling people by e-mail or webhook what changed, grouped, in their hours, once.

`changes` compares what is open with what each rule has told and writes rows; `sending` sends those rows.
"""
