//! E-mail, by the SMTP server that the settings name.

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::config::{Config, MailSecurity};
use crate::failure::{Failure, Result};

/// Who sends e-mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// As the settings say.
    ///
    /// # Errors
    /// Which settings are missing.
    pub fn new(config: &Config) -> Result<Mailer> {
        let (Some((host, port)), Some(from)) = (&config.mail_server, &config.mail_from) else {
            let missing = [("mail_server", config.mail_server.is_none()), ("mail_from", config.mail_from.is_none())];
            let missing: Vec<_> = missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
            return Err(Failure::usage(format_args!(
                "no e-mail without the settings {}; `vinyasa help serve` lists them all",
                missing.join(", ")
            )));
        };
        let builder = match config.mail_security {
            MailSecurity::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
            MailSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
            MailSecurity::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)),
        };
        let mut builder = builder.map_err(|error| Failure::new(format_args!("mail_server: {error}")))?.port(*port);
        if let Some(user) = &config.mail_user {
            let password = config.mail_password.clone().unwrap_or_default();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        let from =
            from.parse::<Mailbox>().map_err(|error| Failure::usage(format_args!("mail_from: {from}: {error}")))?;
        Ok(Mailer { transport: builder.build(), from })
    }

    /// Sends a text to an address.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<()> {
        let wrong = |error: &dyn std::error::Error| Failure::new(format_args!("e-mail to {to}: {error}"));
        let to = Mailbox::new(None, to.parse::<Address>().map_err(|error| wrong(&error))?);
        let message = Message::builder().from(self.from.clone()).to(to).subject(subject);
        let message = message.header(ContentType::TEXT_PLAIN).body(text.to_owned()).map_err(|error| wrong(&error))?;
        self.transport.send(message).await.map_err(|error| wrong(&error))?;
        Ok(())
    }
}
