/** What a server shows to prove who it is. */
export interface Certificate {
  /** PEM, with the certificates between it and its authority behind it. */
  readonly cert: string
  /** PEM. */
  readonly key: string
}

/** A certificate that can be replaced while the server runs. */
export interface CertificateSource {
  /** The one that counts now. */
  current(): Certificate
  /** Told of each new one. */
  onChange(listener: (certificate: Certificate) => void): void
  close(): void
}
