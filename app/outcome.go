package app

// Outcome is what an event means for the share of logins, or of openings, that succeed.
type Outcome string

// The outcomes. An event of another kind is neither a login nor an opening; a note stands beside an event's reason and never
// alone.
const (
	LoginSucceeded Outcome = "login.ok"
	LoginFailed    Outcome = "login.failed"
	OpenSucceeded  Outcome = "open.ok"
	OpenFailed     Outcome = "open.failed"
	OtherOutcome   Outcome = "other"
	NoteOnly       Outcome = "note"
)

// Trouble says with whom the cause of an event lies, and so who can do something about it.
type Trouble string

// Whose trouble an event is.
const (
	NoTrouble      Trouble = ""
	ClientTrouble  Trouble = "client" // the mini program, or whoever poses as one
	WeChatTrouble  Trouble = "wechat"
	OurTrouble     Trouble = "ours" // this server: its configuration, its clock, its disk
	PersonsTrouble Trouble = "user" // one user's account
)

// meanings says of every reason what it means. The order is that of the lists people choose from.
var meanings = []struct {
	reason  Reason
	outcome Outcome
	trouble Trouble
}{
	{LoginFirst, LoginSucceeded, NoTrouble},
	{LoginNewKey, LoginSucceeded, NoTrouble},
	{LoginSameKey, LoginSucceeded, NoTrouble},
	{LoginDuplicate, LoginSucceeded, NoTrouble},
	{LoginLateAnswer, LoginSucceeded, NoTrouble},
	{LoginPrefetch, LoginSucceeded, NoTrouble}, // its failures cannot be told from those of other codes
	{LoginCodeInvalid, LoginFailed, ClientTrouble},
	{LoginAppidMismatch, LoginFailed, OurTrouble},
	{LoginCodeUsed, LoginFailed, ClientTrouble},
	{LoginCodeMock, LoginFailed, ClientTrouble},
	{LoginCodeMalformed, LoginFailed, ClientTrouble},
	{LoginBlocked, LoginFailed, PersonsTrouble},
	{LoginDisabled, LoginFailed, PersonsTrouble},
	{LoginLimited, LoginFailed, ClientTrouble},
	{LoginLimitedWeChat, LoginFailed, ClientTrouble},
	{LoginWeChatBusy, LoginFailed, WeChatTrouble},
	{LoginWeChatTimeout, LoginFailed, WeChatTrouble},
	{LoginWeChatUnreachable, LoginFailed, WeChatTrouble},
	{LoginWeChatOdd, LoginFailed, WeChatTrouble},
	{LoginConfig, LoginFailed, OurTrouble},
	{LoginWaitingFull, LoginFailed, WeChatTrouble},
	{LoginStorage, LoginFailed, OurTrouble},

	{OpenOK, OpenSucceeded, NoTrouble},
	{OpenOKPrevious, OpenSucceeded, NoTrouble},
	{OpenRepaired, OpenSucceeded, NoTrouble},
	{OpenReplayed, OpenSucceeded, NoTrouble},
	{OpenNoKeyFits, OpenFailed, ClientTrouble},
	{OpenKeyDead, OpenFailed, WeChatTrouble},
	{OpenOtherKey, OpenFailed, ClientTrouble},
	{OpenDataDamaged, OpenFailed, ClientTrouble},
	{OpenNoWatermark, OpenFailed, ClientTrouble},
	{OpenOtherAppid, OpenFailed, ClientTrouble},
	{OpenOtherOpenID, OpenFailed, PersonsTrouble},
	{OpenTooOld, OpenFailed, ClientTrouble},
	{OpenFuture, OpenFailed, OurTrouble},
	{OpenMalformed, OpenFailed, ClientTrouble},
	{OpenLimited, OpenFailed, ClientTrouble},
	{SignatureMismatch, OpenFailed, ClientTrouble},
	{OpenPadding, NoteOnly, NoTrouble},
	{OpenNotJSON, NoteOnly, NoTrouble},
	{SignatureOK, NoteOnly, NoTrouble},
	{ProfileWasOlder, NoteOnly, NoTrouble},

	{ProfileWasUpdated, OtherOutcome, NoTrouble}, // these two and PhoneOK are notes of openings, too
	{ProfileWasAnonymous, OtherOutcome, NoTrouble},
	{ProfileRefused, OtherOutcome, ClientTrouble},
	{ProfileAvatarLocal, OtherOutcome, ClientTrouble},
	{AvatarStored, OtherOutcome, NoTrouble},
	{AvatarRefused, OtherOutcome, ClientTrouble},
	{PhoneOK, OtherOutcome, NoTrouble},
	{PhoneCodeInvalid, OtherOutcome, ClientTrouble},
	{PhoneLoginCode, OtherOutcome, ClientTrouble},
	{PhoneOtherUser, OtherOutcome, PersonsTrouble},
	{PhoneNotGranted, OtherOutcome, OurTrouble},
	{PhoneLimited, OtherOutcome, WeChatTrouble},
	{PhoneConfig, OtherOutcome, OurTrouble},
	{PhoneNoAnswer, OtherOutcome, WeChatTrouble},
	{PhoneForged, OpenFailed, PersonsTrouble},

	{ReportPhoneQuota, OtherOutcome, OurTrouble},
	{ReportPhoneNotGranted, OtherOutcome, OurTrouble},
	{ReportPrivacyGuide, OtherOutcome, OurTrouble},
	{ReportPrivacyConsent, OtherOutcome, ClientTrouble},
	{ReportDomain, OtherOutcome, OurTrouble},
	{ReportCertificate, OtherOutcome, OurTrouble},
	{ReportTimeout, OtherOutcome, ClientTrouble},
	{ReportPaymentUser, OtherOutcome, ClientTrouble},
	{ReportPaymentApp, OtherOutcome, ClientTrouble},
	{ReportDenied, OtherOutcome, PersonsTrouble},
	{ReportOther, OtherOutcome, ClientTrouble},

	{DeviceLogout, OtherOutcome, NoTrouble},
	{DeviceIdle, OtherOutcome, NoTrouble},
	{DeviceMaxAge, OtherOutcome, NoTrouble},
	{DeviceForced, OtherOutcome, NoTrouble},
	{DeviceRemoved, OtherOutcome, NoTrouble},
	{DeviceKeyDead, OtherOutcome, NoTrouble},
	{TokenUnknown, OtherOutcome, ClientTrouble},

	{KeyConfirmedWeChat, OtherOutcome, NoTrouble},
	{KeyFoundDead, OtherOutcome, NoTrouble},
	{KeyTakenElsewhere, OtherOutcome, OurTrouble},
	{KeyCheckFailed, OtherOutcome, WeChatTrouble},
	{KeyReset, OtherOutcome, NoTrouble},
	{KeyResetRefused, OtherOutcome, WeChatTrouble},
	{KeyImported, OtherOutcome, NoTrouble},
	{UserImported, OtherOutcome, NoTrouble},

	{BackEndUnknown, OtherOutcome, OurTrouble},
	{BackEndLimited, OtherOutcome, OurTrouble},
	{BackEndNoUser, OtherOutcome, OurTrouble},

	{ConsentRevoked, OtherOutcome, NoTrouble},
	{ConsentCancelled, OtherOutcome, NoTrouble},
	{ConsentUnknown, OtherOutcome, OurTrouble},
	{PushModified, OtherOutcome, NoTrouble},
	{PushBadSignature, OtherOutcome, OurTrouble},
}

var outcomeOf, troubleOf = byReason()

func byReason() (map[Reason]Outcome, map[Reason]Trouble) {
	outcomes, troubles := map[Reason]Outcome{}, map[Reason]Trouble{}
	for _, m := range meanings {
		outcomes[m.reason], troubles[m.reason] = m.outcome, m.trouble
	}
	return outcomes, troubles
}

// Reasons lists every reason, always in the same order.
func Reasons() []Reason {
	all := make([]Reason, len(meanings))
	for i, m := range meanings {
		all[i] = m.reason
	}
	return all
}

// Outcome says what an event of this reason means, OtherOutcome for a reason nobody knows.
func (r Reason) Outcome() Outcome {
	if known, ok := outcomeOf[r]; ok {
		return known
	}
	return OtherOutcome
}

// Trouble says with whom the cause of an event of this reason lies.
func (r Reason) Trouble() Trouble { return troubleOf[r] }

// Reasons lists the reasons that have this outcome, always in the same order.
func (o Outcome) Reasons() []Reason {
	var all []Reason
	for _, m := range meanings {
		if m.outcome == o {
			all = append(all, m.reason)
		}
	}
	return all
}

// Explains says whether the event tells why an opening failed that another event, open.no_key_fits, has told of already: WeChat
// has been asked about the key meanwhile. The two are one failure.
func (e Event) Explains() bool {
	return e.Reason == OpenOtherKey || e.Reason == OpenKeyDead && e.Errcode != 0
}
