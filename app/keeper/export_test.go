package keeper

// FailuresAllowed and SessionsWatched are the bounds of failing sessions.
const (
	FailuresAllowed = failuresAllowed
	FailuresWindow  = failuresWindow
	UploadsAllowed  = uploadsAllowed
	Probers         = probers
	BulkWaiting     = bulkWaiting
)
