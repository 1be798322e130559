"""The reports: static pages made from the run log, a few at a time, whenever the daemon has nothing better to do.

words, moments   the sentences, durations and dates that pages and commands share
names            which file a page is, and how one page links to another
ansi, output     what a command printed, made inert
shapes           rows as JSON objects, for the twins of the pages and for `--format json`
views, charts    one flat object for each page, from rows alone
pages            templates to text
files            text to files, by rename, only where the bytes differ
overview         what the front pages say of every job, kept in memory
renderer         which pages are stale, and in which order they are made
"""
