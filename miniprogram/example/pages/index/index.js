// 文章里的按钮：取得用户信息，交给后台解密。先登录、后取数据、失效后重来一次，都由 keeper 完成。
const { tell } = require("../../tell");
const { keeper } = getApp();

Page({
  data: { profile: null, problem: "" },

  // 按钮事件里的数据是登录之前取的，不用。
  user1() {
    return keeper.openUserInfo().then(
      (profile) => this.setData({ profile, problem: "" }),
      (error) => this.setData({ problem: tell(error) }),
    );
  },
});
