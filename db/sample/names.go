package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// words are separated by blanks; a word that stands several times is that much more common.
func words(text string) []string { return strings.Fields(text) }

var (
	// The commonest surnames, in about the proportions of the census.
	surnames = words(`
		王 王 王 王 王 王 王 李 李 李 李 李 李 李 张 张 张 张 张 张 张 刘 刘 刘 刘 刘 陈 陈 陈 陈 陈 杨 杨 杨 黄 黄 黄 赵 赵 吴 吴 周 周
		徐 徐 孙 孙 马 马 朱 胡 郭 何 林 高 罗 郑 梁 谢 宋 唐 许 韩 邓 冯 曹 彭 曾 肖 田 董 潘 袁 蔡 蒋 余 于 杜 叶 程 魏 苏 吕 丁 任
		卢 姚 沈 钟 姜 崔 谭 陆 范 汪 廖 石 金 韦 贾 夏 付 方 邹 熊 白 孟 秦 邱 侯 江 尹 薛 闫 段 雷 龙 黎 史 陶 贺 毛 郝 顾 龚 邵 万
		覃 武 钱 戴 严 莫 孔 向 常 汤 康 易 乔 赖 文`)
	compoundSurnames = words(`欧阳 欧阳 欧阳 上官 司马 诸葛 东方 皇甫 尉迟 令狐 慕容 司徒 夏侯 端木`)

	// Characters of given names, and given names that are common as a whole.
	givenSingle = words(`
		伟 伟 伟 芳 芳 芳 娜 娜 敏 敏 静 静 静 丽 丽 强 强 磊 磊 军 军 洋 洋 勇 勇 艳 艳 杰 杰 娟 涛 涛 明 明 超 超 霞 平 刚 桂 波 辉
		鹏 斌 梅 玲 燕 红 萍 峰 亮 健 颖 倩 琴 洁 慧 凯 浩 宇 婷 雪 晶 莹 琳 旭 帆 欢 帅 威 龙 飞 林 坤 楠 阳 雷 宁 媛 佳 彬 悦 月 岩`)
	givenFirst = words(`
		子 子 子 梓 梓 宇 宇 浩 浩 一 一 雨 雨 佳 佳 志 志 建 建 国 国 秀 秀 晓 晓 小 文 文 明 海 俊 俊 欣 欣 思 思 嘉 嘉 家 家 诗 梦 梦
		泽 泽 天 天 雅 雅 静 春 玉 桂 丽 凤 永 永 德 德 立 立 振 金 新 红 美 亚 晨 晨 沐 若 芷 可 可 安 奕 睿 皓 铭 博 博 心 语 书 锦`)
	givenSecond = words(`
		涵 涵 轩 轩 怡 怡 萱 萱 豪 豪 杰 杰 华 华 英 英 兰 兰 珍 芳 芳 军 军 明 明 强 平 平 梅 玲 玲 伟 伟 文 文 辉 辉 宇 宇 琪 琪 瑶 瑶
		妍 彤 彤 雯 晨 晨 阳 阳 昊 然 然 泽 航 航 睿 博 诺 诺 琳 琳 颖 欣 欣 悦 悦 洋 鑫 鑫 龙 峰 峰 云 云 霞 萍 燕 红 生 林 林 成 源 宁`)

	addresses   = words(`小 小 小 小 阿 阿 大 老`)
	endearments = words(`
		明 明 红 红 芳 华 强 军 月 月 雨 雪 鱼 鱼 猪 猫 熊 鹿 鹿 燕 兰 梅 峰 飞 龙 虎 宝 宝 贝 丽 丸子 豆 豆 米 米 七 七 六 九 林 杨 李 王
		周 刘 陈 吴 胖 白 白 黑 辉 勇 伟 静 静 雯 敏 婷 婷 可 乐 星 星 夏 夏 秋 满 年 新 麦 桃 桃 橙 柚`)
	petEndings = []string{"", "", "妈", "爸", "妈妈", "酱"}
	pets       = words(`糖 糖 豆 豆 妞 乐 圆 圆 多 团 团 萌 果 果 甜 甜 朵 朵 点 点 洋 笑 笑 安 安 西 七 轩 涵 辰 毛 球 皮 肉 咪 暖 小 晨 柒 琪 果`)

	qualities = words(`
		山里的 海边的 北方的 南方的 夏天的 冬日的 雨后的 清晨的 深夜的 安静的 孤独的 快乐的 自由的 流浪的 迟到的 温柔的 勇敢的 爱笑的
		会飞的 不睡觉的 爱吃鱼的 戴帽子的 江南的 云上的 月下的 城里的 岛上的 路过的 幸福的 奔跑的 发呆的 倔强的 透明的 橘色的 蓝色的`)
	things = words(`
		风 猫 鱼 雨 云 海 树 狗 鹿 月亮 星星 太阳 兔子 狐狸 小熊 蜗牛 石头 木头 稻草人 向日葵 蒲公英 仙人掌 苹果 柠檬 西瓜 咖啡 奶茶
		汤圆 馒头 饺子 少年 姑娘 大叔 阿姨 旅人 背包客 老司机 船长 木匠 裁缝 书生 飞鸟 蝴蝶 麻雀 鲸 大象 河马 企鹅 刺猬`)
	phrases = words(`
		云淡风轻 云淡风轻 一米阳光 岁月静好 岁月静好 半夏微凉 追光者 追风少年 平安是福 平安喜乐 随遇而安 顺其自然 知足常乐 知足常乐 上善若水
		海阔天空 静水流深 宁静致远 天道酬勤 厚德载物 心想事成 花开富贵 吉祥如意 难得糊涂 往事随风 似水流年 人淡如菊 一路向北 后来的我们
		今天也要加油 不吃香菜 不想上班 早睡早起 减肥中勿扰 想去看海 慢慢来 别说话 好运来 暴富 暴富小能手 咸鱼本咸 干饭人 吃货一枚 天天向上
		你好明天 向阳而生 在路上 拾光 听海 晚风 晚安 初心 如初 未央 南风知我意 北岛 长安 锦鲤 简单点 简单爱 无名氏 路人甲 过客 沉默是金`)

	latinNames = words(`
		Lily Lily Lucy Amy Amy Anna Anna Kevin Kevin Jason Jason Tony Tony Jack Jack Tom David David Eric Frank Leo Leo Alan Allen Alex Alex
		Andy Andy Ben Bob Cindy Coco Coco Daisy Ella Emma Emma Eva Fiona Grace Grace Helen Iris Ivy Jane Jenny Jessica Joy Judy Julia Kelly
		Kitty Linda Lisa Lynn Mandy Maggie Mary May Mia Mike Nancy Nick Nina Olivia Peter Queenie Rain Rita Rose Ruby Ryan Sam Sandy Sara
		Serena Shirley Sky Sophia Stella Steven Sunny Sunny Susan Tina Tina Vicky Vincent Vivian Wendy Will Yoyo Zoe Zoey Momo Mr Sunshine
		Summer Echo Moon Star Ocean Memory Smile Angel Forever Dream Lucky Aaron Simon Jerry Harry Cherry Candy Penny Yuki`)
	emojis = words(`🎉 🌸 🌸 🌹 🌹 🍬 🐱 🐶 🌙 🌙 ✨ ✨ ⭐ 🌟 ❤️ ❤️ 💕 👍🏽 👨‍👩‍👧 👨‍👩‍👧‍👦 🇨🇳 🇨🇳 🍀 🍀 🌻 🌻 🌞 ☀️ 🔥 😊 😊 😄 🐰 🐯 🐲 🦋 🍓 🍑 🍉 🌈 🎈 🎀 💪 🙏`)
	roles  = words(`小姐姐 老师 妈妈 哥 先生 同学`)
	trades = words(`
		水果批发 百货批发 建材 家电维修 汽车美容 平安保险 顺丰快递 美业 童装 女装 茶叶 海鲜 二手车 房产 装修 培训 摄影 烘焙 花店 物流 开锁
		搬家 口腔 健身 驾校 眼镜 五金 电脑维修`)
)

func one(dice *rand.Rand, of []string) string { return of[dice.IntN(len(of))] }

// chance is true so many times in a hundred.
func chance(dice *rand.Rand, percent float64) bool { return dice.Float64()*100 < percent }

// realName is a name of two to four characters.
func realName(dice *rand.Rand) string {
	switch {
	case chance(dice, 1.5):
		return one(dice, compoundSurnames) + givenName(dice)
	case chance(dice, 22):
		return one(dice, surnames) + one(dice, givenSingle)
	default:
		return one(dice, surnames) + one(dice, givenFirst) + one(dice, givenSecond)
	}
}

func givenName(dice *rand.Rand) string {
	if chance(dice, 30) {
		return one(dice, givenSingle)
	}
	return one(dice, givenFirst) + one(dice, givenSecond)
}

// nickname is what a person calls themselves at WeChat.
func nickname(dice *rand.Rand) string {
	name := plainNickname(dice)
	if chance(dice, 18) {
		name += strings.Repeat(one(dice, emojis), 1+dice.IntN(2))
	}
	return name
}

func plainNickname(dice *rand.Rand) string {
	styles := []func(*rand.Rand) string{ // as common as often they stand here
		realName, realName, realName, realName, realName, realName, realName,
		givenName, givenName,
		called, called, called, called,
		petName, petName,
		phrase, phrase, phrase, phrase,
		fancy, fancy, fancy,
		latin, latin, latin,
		mixed, mixed,
	}
	return styles[dice.IntN(len(styles))](dice)
}

func called(dice *rand.Rand) string { return one(dice, addresses) + one(dice, endearments) }

func petName(dice *rand.Rand) string {
	pet := one(dice, pets)
	return pet + pet + one(dice, petEndings)
}

func phrase(dice *rand.Rand) string { return one(dice, phrases) }

func fancy(dice *rand.Rand) string { return one(dice, qualities) + one(dice, things) }

func latin(dice *rand.Rand) string {
	name := one(dice, latinNames)
	switch dice.IntN(8) {
	case 0:
		return strings.ToLower(name)
	case 1:
		return strings.ToUpper(name)
	case 2:
		return fmt.Sprintf("%s_%d", name, 1970+dice.IntN(40))
	case 3:
		return name + " " + one(dice, surnames[:40])
	default:
		return name
	}
}

func mixed(dice *rand.Rand) string {
	switch dice.IntN(6) {
	case 0:
		return "A" + one(dice, surnames) + "姐 " + one(dice, trades)
	case 1:
		return "AAA" + one(dice, trades) + one(dice, surnames) + "哥"
	case 2:
		return one(dice, latinNames) + one(dice, roles)
	case 3:
		return fullWidth(one(dice, latinNames))
	case 4:
		return realName(dice) + fmt.Sprintf("%d", 10_000_000+dice.IntN(90_000_000))[:4]
	default:
		return "～" + one(dice, pets) + "℡"
	}
}

// fullWidth writes letters as wide as Chinese characters, as some do.
func fullWidth(text string) string {
	return strings.Map(func(r rune) rune { return r - 'A' + 'Ａ' }, text)
}
