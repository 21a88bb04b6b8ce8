// What tsc cannot do: the example has its own copy of the one file, since the developer tools load nothing from outside a project.
import { copyFileSync } from "node:fs";

copyFileSync("miniprogram_dist/wxkeeper.js", "example/wxkeeper.js");
