// 先拿到app全局对象
const app = getApp()

user1:function (e) {
  wx.getSetting({
    success(res) {
      if (res.authSetting['scope.userInfo']) {
        wx.getUserInfo({
          success: (res) => {
            console.log("res",res) //这个res就是用户的信息
            // 将数据发送后端
            wx.request({
              // 发送iv,encryptedData
              url: app.globalData.baseurl + "getinfo/",
              data:{
                iv:res.iv,
                encryptedData: res.encryptedData,
                token:wx.getStorageSync("token")
              },
              method:"POST",
              success:(e) =>{
                console.log('后台返回的数据',e)
              }
            })
          },
        })
        // 判断是否过期
        wx.checkSession({
          success() {
            //session_key 未过期,并且在本生命周期一直有效
          },
          fail() {
            // session_key 已经失效,需要重新执行登录流程
            app.my_login() // 重新登录,更新session_key
            wx.getUserInfo({
              success: (res) => {
                console.log("res啦啦啦", res) //这个res就是用户的信息
                // 将数据发送后端
                wx.request({
                  // 发送iv,encryptedData
                  url: 'url',
                })
              },
            })
          }
        })
      }
    }
  })
}
