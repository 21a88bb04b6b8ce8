// 以本机的 wxkeeper sandbox 为后台。上线时：baseURL 换成自己的服务器地址，删去 sandbox。
const { createKeeper } = require("./wxkeeper");

App({
  keeper: createKeeper({ baseURL: "http://127.0.0.1:8000/", wx, sandbox: true }),

  // 不是必需的：其他调用会先登录。提前登录，用户点按钮时就不用等。失败也无妨，用到时再试。
  onLaunch() {
    this.keeper.login().catch(() => {});
  },
});
