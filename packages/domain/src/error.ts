/** An error as data: `detail.code` tells what happened, the other fields carry what a handler needs. */
export class DarnerError<Detail extends { readonly code: string }> extends Error {
  readonly detail: Detail;

  constructor(detail: Detail, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "DarnerError";
    this.detail = detail;
  }
}
