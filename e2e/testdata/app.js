//app.js
App({
  /* 当小程序初始话完成,会触发onlaunch(全局只触发一次) */
  onLaunch: function () {
    // 登录
    this.my_login()
  },
  my_login:function(){
    let that = this
    wx.login({
      success: res => {
        // 发送 res.code 到后台换取 openId, sessionKey, unionId
        console.log(res.code)
        wx.request({
          url: that.globalData.baseurl + "login/",
          data: { "code": res.code },
          method: "POST",
          success(e) {
            wx.setStorageSync('token', e.data.data.token)
          }
        })
      }
    })
  },
  globalData: {
    userInfo: null,
    baseurl:"http://127.0.0.1:8000/"
  }
})
