/**
 * Where in a TOML text (1.0) another table can be put before all others: in front of the first `[table]` header and the comments that
 * belong to it, or at the end where there is none. A comment that opens the file stays in front, for there tools leave their marks.
 */
export function firstTable(text: string): number {
  let at = 0;
  let comments: number | undefined;
  while (at < text.length) {
    const line = at;
    at = skipBlanks(text, at);
    const char = text[at];
    if (char === "[") return comments === undefined || comments === 0 ? line : comments;
    if (char === "#") {
      comments ??= line;
      at = lineEnd(text, at);
    } else if (char === "\n" || char === "\r" || char === undefined) {
      comments = undefined;
      at = lineEnd(text, at);
    } else {
      comments = undefined;
      at = skipKeyValue(text, at);
    }
  }
  return text.length;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end + 1;
}

/** The newline that ends a comment, or the end of the text. */
function commentEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** Behind the line on which a key's value ends: strings and arrays may go over several. */
function skipKeyValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if (char === '"' || char === "'") at = skipString(text, at, char);
    else if (char === "#") at = commentEnd(text, at);
    else {
      if (char === "[" || char === "{") depth += 1;
      if (char === "]" || char === "}") depth -= 1;
      at += 1;
      if (char === "\n" && depth <= 0) return at;
    }
    if (text[at] === undefined) return text.length;
  }
  return at;
}

function skipString(text: string, from: number, quote: '"' | "'"): number {
  const triple = quote.repeat(3);
  const isMultiLine = text.startsWith(triple, from);
  let at = from + (isMultiLine ? 3 : 1);
  while (at < text.length) {
    if (quote === '"' && text[at] === "\\") at += 2;
    else if (isMultiLine ? text.startsWith(triple, at) : text[at] === quote) return at + (isMultiLine ? 3 : 1);
    else if (!isMultiLine && text[at] === "\n") return at;
    else at += 1;
  }
  return text.length;
}
