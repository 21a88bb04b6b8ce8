// 失败时给用户看什么。服务器的 msg 是给开发者看的，不要直接显示。
const texts = {
  3: "请再点一次。",
  6: "操作太频繁，请稍后再试。",
  7: "微信服务繁忙，请稍后再试。",
  8: "微信暂时限制了你的登录。",
  9: "账号已停用，请联系客服。",
  10: "服务维护中。",
  12: "请稍后再试。",
};

function tell(error) {
  if (error.code === -1 && error.api === "uploadFile") return "上传失败，请再试一次。";
  if (error.code === -1 && error.api === "request") return "网络不通，请检查网络后再试。";
  if (error.code === -1 && error.api) return /deny|cancel/.test(error.errMsg) ? "" : "微信没有给出数据，请稍后再试。";
  const text = texts[error.code] || "出错了，请稍后再试。";
  return error.requestId ? `${text}（反馈码 ${error.requestId}）` : text;
}

module.exports = { tell };
