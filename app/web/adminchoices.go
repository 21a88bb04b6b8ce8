package web

import (
	"slices"

	"wxkeeper/views"
)

// setLanguage makes the browser remember in which language to show pages.
func (d *Dashboard) setLanguage(v *visit) error {
	form, err := v.form("language", "back")
	if err != nil {
		return err
	}
	if !slices.Contains(views.Languages(), views.Language(form["language"])) {
		return malformed("language")
	}
	d.remember(v.Context, languageCookie, form["language"])
	return v.goTo(form["back"])
}

// themes are the values of the form of the theme.
var themes = []string{"system", string(views.ThemeLight), string(views.ThemeDark)}

// setTheme makes the browser remember the theme.
func (d *Dashboard) setTheme(v *visit) error {
	form, err := v.form("theme", "back")
	if err != nil {
		return err
	}
	if !slices.Contains(themes, form["theme"]) {
		return malformed("theme")
	}
	d.remember(v.Context, themeCookie, form["theme"])
	return v.goTo(form["back"])
}

func (d *Dashboard) helpPage(v *visit) error {
	return v.page(views.Help(views.HelpPage{Frame: v.frame(v.text.T("help.title"), "")}))
}
