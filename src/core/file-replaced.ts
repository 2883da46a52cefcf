/** A file of the repository is not there any more, or another one is in its place. */
export class FileReplaced extends Error {
  override readonly name = 'FileReplaced'
  readonly path: string
  readonly isGone: boolean

  constructor(path: string, isGone: boolean) {
    super(
      isGone ? `The file ${path} is not there any more.` : `The file ${path} has changed: another one is there now.`
    )
    this.path = path
    this.isGone = isGone
  }
}
