//! What the pages of errors say: what happened, and what to do.

use actix_web::http::StatusCode;
use comptoir_core::values::language::Language;

use crate::console::csrf;
use crate::console::typography::set;
use crate::error::ApiError;

super::words! {
    /// Around the sentences.
    Errors {
        again: "Réessayer", "Try again";
        home: "Aller à l'accueil", "Go to the home page";
        trace: "Référence pour le support", "Reference for support";
    }
}

/// What a page of an error says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) title: String,
    pub(crate) then: String,
    pub(crate) is_worth_repeating: bool,
}

/// `retry_seconds` is what `Retry-After` says.
pub(crate) fn said(error: &ApiError, retry_seconds: Option<u64>, language: Language) -> Said {
    let (french, english, is_worth_repeating) = sentences(error);
    let (title, then) = match language {
        Language::Fr => french,
        Language::En => english,
    };
    let wait = match (retry_seconds.filter(|seconds| *seconds > 1), language) {
        (Some(seconds), Language::Fr) => format!(" Réessayez dans {seconds} secondes."),
        (Some(seconds), Language::En) => format!(" Try again in {seconds} seconds."),
        (None, _) => String::new(),
    };
    Said { title: set(title, language), then: set(&format!("{then}{wait}"), language), is_worth_repeating }
}

type Sentences = (&'static str, &'static str);

fn sentences(error: &ApiError) -> (Sentences, Sentences, bool) {
    if error.code() == csrf::CODE {
        return (
            (
                "Ce formulaire n'est plus le bon",
                "La page a été ouverte avant votre connexion, ou vient d'un autre site. Rien n'a changé : revenez en arrière, rechargez la page et envoyez le formulaire de nouveau.",
            ),
            (
                "This form is not current",
                "The page was opened before you logged in, or comes from another site. Nothing has changed: go back, load the page again and send the form once more.",
            ),
            false,
        );
    }
    match error.status() {
        StatusCode::UNAUTHORIZED => (
            ("Votre session est terminée", "Connectez-vous de nouveau pour continuer."),
            ("Your session is over", "Log in again to go on."),
            false,
        ),
        StatusCode::FORBIDDEN => (
            (
                "Cette page demande un autre droit",
                "Votre rôle ne permet pas de voir cette page, ni de faire ce qu'elle propose. Un administrateur de votre société peut changer cela.",
            ),
            (
                "This page needs another permission",
                "Your role does not allow you to see this page, nor to do what it offers. An administrator of your company can change that.",
            ),
            false,
        ),
        StatusCode::NOT_FOUND => (
            (
                "Il n'y a rien à cette adresse",
                "L'adresse a peut-être changé, ou ce que vous cherchez a été supprimé.",
            ),
            (
                "There is nothing at this address",
                "The address may have changed, or what you look for was deleted.",
            ),
            false,
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            (
                "Cette adresse ne se visite pas ainsi",
                "Partez de l'accueil pour arriver à la page que vous cherchez.",
            ),
            ("This address is not visited like that", "Start from the home page to find what you look for."),
            false,
        ),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => (
            (
                "Quelque chose a changé entre-temps",
                "Ce que vous vouliez faire ne va plus avec l'état actuel. Rien n'a été fait : rechargez la page pour voir ce qui a changé.",
            ),
            (
                "Something has changed meanwhile",
                "What you wanted to do does not fit what is there now. Nothing was done: load the page again to see what has changed.",
            ),
            true,
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            (
                "C'est trop à la fois",
                "Le formulaire ou le fichier est trop long, et rien n'a été fait. Envoyez-le en plusieurs fois ; beaucoup de lignes passent par un import.",
            ),
            (
                "This is too much at once",
                "The form or the file is too long, and nothing was done. Send it in parts; many rows are for an import.",
            ),
            false,
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            (
                "Le navigateur envoie trop de choses avec la page",
                "Effacez les cookies de ce site, puis connectez-vous de nouveau.",
            ),
            (
                "The browser sends too much along with the page",
                "Delete the cookies of this site, then log in again.",
            ),
            false,
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            (
                "Trop de demandes à la suite",
                "Pour protéger les comptes, la console attend un peu avant de répondre de nouveau.",
            ),
            (
                "Too many requests in a row",
                "To protect accounts, the console waits a little before it answers again.",
            ),
            true,
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => (
            (
                "Le service ne répond pas en ce moment",
                "Réessayez dans un instant. Si vous envoyiez un formulaire, renvoyez le même : il ne sera pas exécuté deux fois.",
            ),
            (
                "The service does not answer now",
                "Try again in a moment. If you were sending a form, send the same one: it is not carried out twice.",
            ),
            true,
        ),
        // Such as 400, 415 and 422: sending the same again does not help.
        status if status.is_client_error() => (
            (
                "Cette demande n'a pas pu être lue",
                "Un filtre ou un champ a une valeur que la console ne connaît pas. Revenez en arrière et choisissez-en une autre.",
            ),
            (
                "This request could not be read",
                "A filter or a field has a value that the console does not know. Go back and choose another one.",
            ),
            false,
        ),
        _ => (
            (
                "Quelque chose n'a pas marché de notre côté",
                "Réessayez. Si cela se répète, donnez au support la référence ci-dessous.",
            ),
            (
                "Something went wrong on our side",
                "Try again. If it happens again, give support the reference below.",
            ),
            true,
        ),
    }
}
