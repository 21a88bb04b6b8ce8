package web

import (
	"bytes"
	"net/http"

	"github.com/labstack/echo/v4"

	"wxkeeper/views"
)

// exportUser gives all that is stored about a user as a file for that person to have.
func (d *Dashboard) exportUser(v *visit) error {
	o, err := d.userOrder(v, views.ActExport)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := d.Keeper.ExportUser(v.context(), o.Order, v.operator.Role, o.number(), &file); err != nil {
		return d.mistaken(v, o, err)
	}
	v.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="user-`+o.number().String()+`.json"`)
	return v.Blob(http.StatusOK, jsonType, file.Bytes())
}
