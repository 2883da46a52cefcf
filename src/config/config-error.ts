/** A setting that is wrong; the message is a sentence that names it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The value is not quoted: it may hold a secret. */
export function invalidSetting(name: string, description: string): ConfigError {
  return new ConfigError(`The setting ${name} must be ${description}.`)
}
