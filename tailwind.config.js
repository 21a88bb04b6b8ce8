import daisyui from "daisyui";

const tone = (name) => `var(--color-${name})`;

/** The rest of the theme, colours above all, stands in views/app.css. */
export default {
  content: ["./views/**/*.templ", "./views/**/*.go", "./static/app.js"],
  theme: {
    extend: {
      colors: { muted: tone("muted"), faint: tone("faint"), line: tone("line"), raised: tone("raised") },
      fontSize: {
        xs: ["0.75rem", "1rem"],
        sm: ["0.8125rem", "1.25rem"],
        base: ["0.875rem", "1.25rem"],
        lg: ["1rem", "1.5rem"],
        xl: ["1.25rem", "1.75rem"],
        "2xl": ["1.5rem", "2rem"],
      },
    },
  },
  plugins: [
    daisyui({
      logs: false,
      themes: false,
      include: ["rootcolor", "scrollbar", "properties", "button", "radio", "input", "textarea", "select", "progress", "kbd", "link", "loading", "toggle", "skeleton"],
    }),
  ],
};
