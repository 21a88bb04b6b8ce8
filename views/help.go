package views

// HelpPage is the help on a page of its own, for whoever has scripts off or a link to it.
type HelpPage struct{ Frame }
