// A scenario's source in colours. In: Rhai. Out: HTML, escaped.

const KEYWORDS =
  /^(?:let|const|fn|if|else|switch|for|in|while|loop|do|until|return|break|continue|throw|try|catch|import|export|as|private|this|true|false|is|Fn|call|curry)$/;

const TOKEN =
  /(\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$))|("(?:\\[^]|[^"\\])*(?:"|$)|`(?:\\[^]|[^`\\])*(?:`|$)|'(?:\\[^]|[^'\\\n])'?)|(\b(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\b)|([A-Za-z_]\w*)(?=(\s*\()?)/g;

/** The source as HTML. */
export function highlight(source: string): string {
  let html = "";
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    html += escape(source.slice(at, match.index));
    const [text, comment, string, number, word, call] = match;
    const kind = comment
      ? "comment"
      : string
        ? "string"
        : number
          ? "number"
          : word && KEYWORDS.test(word)
            ? "keyword"
            : call
              ? "call"
              : "";
    html += kind ? `<span class="t-${kind}">${escape(text)}</span>` : escape(text);
    at = match.index + text.length;
  }
  return html + escape(source.slice(at));
}

/** Text as HTML. */
export function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
