/** Bodies of multipart/form-data, as clients send them. */
export interface Part {
  /** Of the form's field. */
  readonly field?: string
  readonly name?: string
  readonly content: string | Buffer
}

export interface MultipartBody {
  readonly headers: { readonly 'content-type': string }
  readonly payload: Buffer
}

const BOUNDARY = '-----------RubyMultipartPost-0f5f6a1e'

/** Files in parts of a name that a client gives them. */
export function multipart(parts: readonly Part[], boundary = BOUNDARY): MultipartBody {
  const chunks = parts.flatMap(({ field = 'uploadedfiles[]', name, content }) => {
    const fileName = name === undefined ? '' : `; filename="${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"${fileName}\r\n` +
      'Content-Type: application/x-zip-compressed\r\nContent-Transfer-Encoding: binary\r\n\r\n'
    return [Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]
  })
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    payload: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)])
  }
}

/** Files by name, as a form sends them. */
export function filesBody(files: Readonly<Record<string, string | Buffer>>): MultipartBody {
  return multipart(Object.entries(files).map(([name, content]) => ({ name, content })))
}
