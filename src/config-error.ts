/** A setting that is wrong; the message is a sentence that names it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
