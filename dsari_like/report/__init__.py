"""The reports: static pages made from the run log, a few at a time, whenever the daemon has nothing better to do.

words, moments, days        the sentences, durations and dates that pages and commands share
names                       which file a page is, and how one page links to another
ansi, output                what a command printed, made inert
shapes                      rows as JSON objects, for the twins of the pages and for `--format json`
overview, habits, recent    how every job stands, what is usual for it, and the runs of the last days, kept in memory
scene, views, memo          what all pages are made from, and the lines they share
charts, lanes, heat         drawings, as SVG inside the page
front, timeline, failures, day, search, job, record, settings, run, history
                            one flat object for each page, from rows alone
feeds, agenda, badge, metrics
                            the same for machines
pages, press, files         templates to text, text to files, by rename, only where the bytes differ
fronts, histories           which pages there are; a new one that shows all jobs is added to `fronts`
stale, makers, renderer     which pages are stale, and in which order they are made
"""
