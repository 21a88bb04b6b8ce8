package yardstick

import (
	"wxkeeper/app"
	"wxkeeper/app/bench"
)

// People are so many of a yardstick's users, spread over all of them.
func People(users, wanted int) []bench.Person {
	wanted = min(wanted, users)
	people := make([]bench.Person, wanted)
	for i := range people {
		people[i].OpenID = app.OpenID(OpenID(1 + i*users/max(wanted, 1)))
	}
	return people
}
