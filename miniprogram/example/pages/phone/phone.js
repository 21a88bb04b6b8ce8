// 手机号快速验证：把整个 event.detail 交给 keeper，这样没有额度、没有权限等失败也会让后台知道。
const { tell } = require("../../tell");
const { keeper } = getApp();

Page({
  data: { phone: null, problem: "" },

  getPhoneNumber(event) {
    return keeper.phone(event.detail).then(
      (phone) => this.setData({ phone, problem: "" }),
      (error) => this.setData({ problem: tell(error) }),
    );
  },
});
