// Compiled and never run: what WeChat's own typings say of wx fits what the package asks for.
import { createKeeper } from "../src/wxkeeper";

const keeper = createKeeper({ baseURL: "https://keeper.example.com/", wx });

keeper.openUserInfo().then((profile) => profile.name.length);
keeper.request<{ total: number }>({ url: "https://shop.example.com/orders" }).then((order) => order.total);
keeper.open<WechatMiniprogram.GetWeRunDataSuccessCallbackResult>("getWeRunData");

Page({
  tapPhone(event: WechatMiniprogram.ButtonGetPhoneNumber) {
    keeper.phone(event.detail);
  },
});
