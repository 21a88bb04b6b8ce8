// 头像昵称填写：头像只是手机上的临时文件，先上传；昵称是用户自己填的文字。
const { tell } = require("../../tell");
const { keeper } = getApp();

Page({
  data: { avatarUrl: "", saved: null, problem: "" },

  chooseAvatar(event) {
    return keeper.avatar(event.detail.avatarUrl).then(
      ({ avatarUrl }) => this.setData({ avatarUrl, problem: "" }),
      (error) => this.setData({ problem: tell(error) }),
    );
  },

  // 用 form 提交：微信的昵称审核可能在失去焦点时清空输入框，bindinput 得到的会是旧值。
  save(event) {
    const fields = { nickName: event.detail.value.nickName };
    if (this.data.avatarUrl) fields.avatarUrl = this.data.avatarUrl;
    return keeper.profile(fields).then(
      (saved) => this.setData({ saved, problem: "" }),
      (error) => this.setData({ problem: tell(error) }),
    );
  },
});
