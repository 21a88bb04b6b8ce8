// The addresses of every page, once there is something to show: [name, address].
import { call, logIn, reveal } from "./browser.mjs";
import { furnish, otherAppid } from "./furnish.mjs";

export async function everyPage() {
  const { user, token } = await logIn(1);
  await reveal(1, token, "profile");
  await furnish(1, user, token);
  const failed = await call("/getinfo/", { iv: "AAAAAAAAAAAAAAAAAAAAAA==", encryptedData: "AAAAAAAAAAAAAAAAAAAAAA==" }, token);
  return [
    ["overview", "/admin/"],
    ["overview-week", "/admin/?range=week"],
    ["troubleshoot", "/admin/troubleshoot"],
    ["verdict", `/admin/troubleshoot?q=${failed.request_id}`],
    ["verdict-phone", "/admin/troubleshoot?q=手机号按钮没反应"],
    ["users", "/admin/users"],
    ["users-filtered", "/admin/users?state=confirmed&seen_from=2026-01-01&disabled=1"],
    ["users-none", "/admin/users?q=没有这个人"],
    ["user", `/admin/users/${user}`],
    ["user-keys", `/admin/users/${user}/keys`],
    ["user-devices", `/admin/users/${user}/devices`],
    ["user-history", `/admin/users/${user}/history`],
    ["user-events", `/admin/users/${user}/events`],
    ["user-audit", `/admin/users/${user}/audit`],
    ["jobs", "/admin/jobs"],
    ["keys", "/admin/keys"],
    ["events", "/admin/events"],
    ["audit", "/admin/audit"],
    ["operators", "/admin/operators"],
    ["alerts", "/admin/alerts"],
    ["integrations", "/admin/integrations"],
    ["apps", "/admin/apps"],
    ["app", `/admin/apps/${otherAppid}`],
    ["other-app", `/apps/${otherAppid}/admin/`],
    ["account", "/admin/account"],
    ["totp", "/admin/account/totp"],
    ["prove", "/admin/prove?next=/admin/operators"],
    ["system", "/admin/system"],
    ["phones", "/admin/phones"],
    ["phone", "/admin/phones/1"],
    ["help", "/admin/help"],
    ["missing", "/admin/users/000000000"],
  ];
}
