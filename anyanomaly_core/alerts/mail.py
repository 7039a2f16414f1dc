"""Alerts by mail, through the connection that Airflow's own mail goes through."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from anyanomaly_core.alerts.connections import Connection
from anyanomaly_core.alerts.message import AlertMessage
from anyanomaly_core.errors import AlertError, AlertRefusedError, ConfigurationError
from anyanomaly_core.rules.alerts import MailTarget

_TIMEOUT_S = 20.0
_TLS_PORT, _OTHER_PORT = 465, 587


def send_mail(message: AlertMessage, target: MailTarget, connection: Connection) -> None:
    """Send one mail to all addresses. Its Message-ID is the alert's key, the same in every try.

    As in Airflow's SMTP connection, the extras ``disable_ssl`` and ``disable_tls`` switch off encryption from the start
    and STARTTLS, ``from_email`` is the sender.

    Raises:
        AlertError: it could not be handed over; AlertRefusedError: the server refuses sender, addresses or mail.
        ConfigurationError: the connection has no host or there is no sender.
    """
    sender = target.sender or connection.extra.get("from_email") or connection.login
    if not connection.host or not sender:
        missing = "host" if not connection.host else "sender (`sender:` in the file of alerts, or extra `from_email`)"
        raise ConfigurationError(f"The connection {connection.name} has no {missing}; see docs/alerts.md.")
    mail = _mail(message, str(sender), target)
    try:
        with _server(connection) as server:
            if connection.login:
                server.login(connection.login, connection.secret("needed to log in"))
            server.send_message(mail)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        raise _refusal(error) from None
    except (smtplib.SMTPException, OSError) as error:
        raise AlertError(f"{connection.host} did not take the mail: {error}") from None


def _mail(message: AlertMessage, sender: str, target: MailTarget) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.headline
    mail["From"], mail["To"] = sender, ", ".join(target.to)
    mail["Date"] = formatdate(message.at.timestamp())
    mail["Message-ID"] = f"<{message.key}@anyanomaly.invalid>"
    mail.set_content("\n".join([message.headline, *message.lines]))
    if message.picture is not None:
        mail.add_attachment(message.picture, "image", "jpeg", filename=f"{message.facts['event_id']}.jpg")
    return mail


def _server(connection: Connection) -> smtplib.SMTP:
    whole = not connection.extra.get("disable_ssl", False)
    context = ssl.create_default_context(cafile=connection.extra.get("ca_file"))
    if whole:
        port = connection.port or _TLS_PORT
        return smtplib.SMTP_SSL(connection.host, port, timeout=_TIMEOUT_S, context=context)
    server = smtplib.SMTP(connection.host, connection.port or _OTHER_PORT, timeout=_TIMEOUT_S)
    if not connection.extra.get("disable_tls", False):
        server.starttls(context=context)
    return server


def _refusal(
    error: smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused | smtplib.SMTPDataError,
) -> AlertError:
    """Codes of 4xx pass (RFC 5321, 4.2.1), those of 5xx do not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes, words = [code for code, _ in error.recipients.values()], str(error.recipients)
    else:
        codes, words = [error.smtp_code], str(error.smtp_error)
    kind = AlertError if any(code < 500 for code in codes) else AlertRefusedError  # noqa: PLR2004
    return kind(f"the mail server refuses: {words}")
